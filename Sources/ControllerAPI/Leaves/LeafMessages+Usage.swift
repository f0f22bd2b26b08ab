import DirectoryCore
import LeafProtocol
import NetTypes

extension TrafficReport {
    /// Takes a leaf's message. What in it cannot be is left out of a count, which is then not believed.
    init(_ message: Patchbay_Leaf_V1_TrafficReport) {
        self.init(
            receipt: message.receipt, run: message.run, readAt: Timestamp(message.readAt),
            counts: message.counts.map(TrafficCount.init), forgotten: message.forgotten, isComplete: message.complete)
    }
}

extension TrafficCount {
    init(_ message: Patchbay_Leaf_V1_TrafficCount) {
        let end: UsageEnd? =
            switch message.end {
            case .send: .send
            case .receive: .receive
            case .local: .local
            case .unknown, .UNRECOGNIZED: nil
            }
        self.init(
            id: message.id, end: end, pair: TrafficPair(message), packets: message.packets, bytes: message.bytes,
            endedAt: message.endedAt == 0 ? nil : Timestamp(message.endedAt))
    }
}

extension TrafficPair {
    fileprivate init?(_ message: Patchbay_Leaf_V1_TrafficCount) {
        guard let source = Identity(octets: message.source), let destination = Identity(octets: message.destination)
        else { return nil }
        let outside = (IPAddress(octets: message.outsideSource), IPAddress(octets: message.outsideDestination))
        guard message.outsideSource.isEmpty || outside.0 != nil,
            message.outsideDestination.isEmpty || outside.1 != nil
        else { return nil }
        self.init(
            source: source, destination: destination, outsideSource: outside.0, outsideDestination: outside.1)
    }
}
