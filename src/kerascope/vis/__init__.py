"""keras-vis on Keras 3: the interface of keras-vis 0.5, on top of kerascope.

Stands for the package `vis`. A script changes its import lines, and what Keras 3 itself changed:

    from vis.visualization import visualize_cam              # before
    from kerascope.vis.visualization import visualize_cam    # now

Names, arguments, defaults and shapes are those of keras-vis; what comes out is what kerascope computes. Where
keras-vis was wrong, the module says what is done instead and why; `docs/keras-vis.md` lists it all.

    visualization        visualize_cam, visualize_saliency, visualize_activation, overlay, get_num_filters
    utils.utils          find_layer_idx, apply_modifications, pictures
    losses, regularizers, input_modifiers, callbacks, optimizer, grad_modifiers, backprop_modifiers
    backend              modify_model_backprop
    filters, inside, maximized, names, objective, seed       how all this is said in kerascope's words; not in
                                                             keras-vis
"""
