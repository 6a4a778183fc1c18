"""Images with exact 3D: the rendered and the mosaic engine."""
