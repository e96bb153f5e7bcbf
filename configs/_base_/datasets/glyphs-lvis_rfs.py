"""Threshold of repeat factor sampling on LongTailGlyphs with a twentieth of LVIS v1's images."""

# that of LVIS: images and image counts are a twentieth, so the frequencies are those of LVIS
oversample_thr = 1e-3
