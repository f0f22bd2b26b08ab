// LeafAgentTests
