"""Draws scenes on processors, without OpenGL: the same picture as `gl`, by functions that Numba compiles."""
