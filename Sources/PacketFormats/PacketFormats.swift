// PacketFormats
