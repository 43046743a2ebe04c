"""keras-vis on Keras 3: the interface of keras-vis 0.5, on top of kerascope.

It replaces the package `vis`. A script changes its import lines, and any code that Keras 3 broke:

    from vis.visualization import visualize_cam              # before
    from kerascope.vis.visualization import visualize_cam    # now

Names, arguments, defaults and shapes are as in keras-vis; kerascope computes the results. Each module lists
its deviations from keras-vis with reasons; `docs/keras-vis.md` lists all of them.

    visualization        visualize_cam, visualize_saliency, visualize_activation, overlay, get_num_filters
    utils.utils          find_layer_idx, apply_modifications, pictures
    losses, regularizers, input_modifiers, callbacks, optimizer, grad_modifiers, backprop_modifiers
    backend              modify_model_backprop
    filters, maximization, objective, seed_inputs, tensor_gradient
                         the conversion to kerascope; not in keras-vis
"""
