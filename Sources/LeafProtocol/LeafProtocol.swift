// LeafProtocol
