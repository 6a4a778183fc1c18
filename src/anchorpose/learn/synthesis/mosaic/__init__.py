"""Images with exact 3D from photos with 2D poses: MoCap-guided mosaics (Rogez and Schmid, NIPS 2016)."""
