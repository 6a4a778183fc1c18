"""What people look at: drawings on pictures, 3D figures, sheets of anchors and photos."""
