import CryptClient
import KernelPath
import LeafProtocol
import LinuxKit
import NetTypes

/// What a leaf leaves on its host when it stops: guarded ports, plugged wires, and the engine of protected wires.
public enum LeafRemains {
    /// Takes all of that away, as before the removal of the program. Nothing remains that a leaf would have to look after.
    ///
    /// - Throws: ``LeafError`` when a leaf runs with these files.
    public static func clear(stateDirectory: String, pinDirectory: String) async throws {
        let state = try LeafStateDirectory(path: stateDirectory)
        let lock = try await Leaf.lock(stateDirectory)
        if let engine = try? EngineClient(path: stateDirectory + "/crypt.sock") { try engine.stop() }
        try cut(state: state, pinDirectory: pinDirectory)
        let netlink = try Netlink()
        let devices = DataPathConfiguration(pinDirectory: pinDirectory, underlayDevice: "")
        for name in [devices.vxlanDevice, devices.shaperDevice] { try netlink.delete(named: name) }
        lock.release()
    }

    /// Takes ports and wires out of the kernel. A port's device goes, or goes down, before it loses its guard.
    static func cut(state: LeafStateDirectory, pinDirectory: String) throws {
        let netlink = try Netlink()
        for saved in try state.savedPorts().values {
            let port = try DesiredPort(try Patchbay_Leaf_V1_DesiredPort(serializedBytes: saved.desired))
            guard let link = try netlink.link(named: PortDevices.name(of: port)) else { continue }
            switch port.kind {
            case .namespace: try netlink.delete(link: link.index)
            // A hypervisor has it open, and goes on with it once it is guarded again.
            case .tap: try netlink.setDown(link.index)
            }
        }
        try DataPath.removePins(pinDirectory)
    }
}
