import KernelPath
import LinuxKit
import Logging
import NetTypes
import PacketFormats

/// Sends the few frames that the leaf sends itself: answers to endpoints, and first packets that were held.
///
/// A frame that cannot be sent is lost, as on any network, and counted in the log at debug level.
struct FrameTransmitter: Sendable {
    let packets: PacketSocket
    let datagrams: DatagramSender
    let vxlanPort: UInt16
    let logger: Logger

    /// Sends a frame out of a port's device, to its endpoint.
    func send(_ frame: [UInt8], to port: UInt32) {
        attempt { try packets.send(frame, to: port) }
    }

    /// Delivers a held frame of one endpoint to another one here.
    ///
    /// The sender may have addressed it to anyone on its link; it is for that endpoint now.
    func deliver(_ frame: [UInt8], to port: UInt32, _ destination: MACAddress) {
        var frame = completingChecksum(frame)
        frame.replaceSubrange(0..<6, with: destination.octets)
        attempt { try packets.send(frame, to: port) }
    }

    /// Sends a held frame to the leaf that gave the label.
    func send(_ frame: [UInt8], to locator: IPAddress, label: Label) {
        let datagram = VXLANFrame(vni: label, inner: completingChecksum(frame)).bytes
        attempt { try datagrams.send(datagram, to: locator, port: vxlanPort) }
    }

    private func attempt(_ send: () throws -> Void) {
        do {
            try send()
        } catch {
            logger.debug("frame not sent", metadata: ["error": "\(error)"])
        }
    }
}
