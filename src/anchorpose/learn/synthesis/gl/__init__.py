"""Drawing of scenes with OpenGL, headless (EGL): what to draw (`scene`) and how (`renderer`)."""
