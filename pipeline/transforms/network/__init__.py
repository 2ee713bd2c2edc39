"""The network items of the golden sample, made the gateway's own: the documents' nine and those their list forgets.

The golden sample's files are read once into one `Adapter` for each interface; what the inventory says of the gateway is
laid over these; every file, and the network part of the snapshot, is then written from the result, so that they agree.
"""

from pipeline.transforms.network.restore import contradictions, restore, stale_addresses

__all__ = ["contradictions", "restore", "stale_addresses"]
