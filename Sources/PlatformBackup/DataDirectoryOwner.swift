import Foundation

/// Whose a data directory is that was there before: root, who writes into it for the controller's user, leaves what it
/// wrote to that user.
public struct DataDirectoryOwner {
    private let user: NSNumber
    private let group: NSNumber

    /// Looks at a directory; nil when there is none.
    public init?(of directory: String) {
        guard let found = try? FileManager.default.attributesOfItem(atPath: directory),
            let user = found[.ownerAccountID] as? NSNumber, let group = found[.groupOwnerAccountID] as? NSNumber
        else { return nil }
        self.user = user
        self.group = group
    }

    /// Gives a file, or a directory with all that is in it, to the owner, unless it is the owner's.
    public func take(_ path: String) throws {
        let manager = FileManager.default
        var paths = [path]
        let type = try manager.attributesOfItem(atPath: path)[.type] as? FileAttributeType
        if type == .typeDirectory, let walk = manager.enumerator(atPath: path) {
            for case let name as String in walk { paths.append("\(path)/\(name)") }
        }
        for path in paths {
            let present = try manager.attributesOfItem(atPath: path)
            guard present[.ownerAccountID] as? NSNumber != user || present[.groupOwnerAccountID] as? NSNumber != group
            else { continue }
            try manager.setAttributes([.ownerAccountID: user, .groupOwnerAccountID: group], ofItemAtPath: path)
        }
    }
}
