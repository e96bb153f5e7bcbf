"""What stands still in the second stages of the EQLv2 repository; the last layers of the box head train."""

still = ['backbone', 'neck', 'rpn_head', 'roi_head.bbox_head.shared_fcs', 'roi_head.mask_head']
classifier = 'roi_head.bbox_head.fc_cls'
