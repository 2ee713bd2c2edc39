"""Asks the image's own programs, inside the libguestfs appliance, to judge the files they are going to read.

A reader (`pipeline.model.reader`) is data and one function, one program to a file here. `questions` finds what there is
to ask of an image, `sandbox` runs it on a throw-away overlay without network, `asking` makes answers of the replies.
"""
