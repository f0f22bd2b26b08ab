/// Where the opener finds associations; one for each receive thread.
///
/// Every call reads the table as it is at that moment: nothing is kept from one burst to the next.
public protocol ReceiveTable: ~Copyable {
    /// Finds the association that a packet names.
    mutating func lookup(spi: UInt32) -> ReceiveLookup

    /// Lets an association be read and changed in place.
    ///
    /// - Parameter slot: What ``lookup(spi:)`` returned, in the same burst.
    mutating func withAssociation<Result>(_ slot: Int, _ body: (inout ReceiveAssociation) -> Result) -> Result
}

/// What a table says of an SPI.
public enum ReceiveLookup: Hashable, Sendable {
    /// The association's slot, which is its cipher slot too.
    case slot(Int)
    /// Why the packet has to be dropped: ``ESPDrop/unknownSPI``, ``ESPDrop/wrongQueue`` or ``ESPDrop/retired``.
    case drop(ESPDrop)
}

/// Where the opener's frames go.
public protocol FrameSink: ~Copyable {
    /// Takes one frame.
    ///
    /// - Parameters:
    ///   - frame: virtio_net_hdr, Ethernet header, packet; in the opener's buffer, only during the call.
    ///   - slot: The association's slot.
    ///   - packets: How many packets were joined in it.
    mutating func deliver(_ frame: Span<UInt8>, slot: Int, packets: Int)
}
