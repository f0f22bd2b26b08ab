public import CryptProtocol
internal import LinuxKit
public import PacketIO

/// Duplicates of an engine's descriptors. As long as somebody keeps them, its table, TAP device and sockets outlive it.
public struct KeptDescriptors: ~Copyable, Sendable {
    /// Which descriptors there are.
    public let layout: DescriptorLayout
    let list: DescriptorList

    /// Takes what came beside a message; refused is another number than the layout says.
    public init(layout: DescriptorLayout, list: consuming DescriptorList) throws(EngineClientError) {
        let found = list.count
        guard found == layout.count else { throw .malformed(.descriptors(expected: layout.count, found: found)) }
        self.layout = layout
        self.list = list
    }
}
