"""What ``doit explain`` finds out: about bundles by a security policy, and about a finished image by its manifest."""
