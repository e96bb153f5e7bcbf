"""Threshold of repeat factor sampling on LongTailGlyphs."""

# 100 of the 3000 images, as 1e-3 is of LVIS: a class gets the factor that LVIS gives one of as many images
oversample_thr = 1 / 30
