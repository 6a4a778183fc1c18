"""The shared vocabulary: skeletons, value objects, cameras, anchors, transforms. NumPy only, no I/O beyond npz."""
