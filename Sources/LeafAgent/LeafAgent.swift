// LeafAgent
