"""Methods that switch segments or cells of the image on and off."""
