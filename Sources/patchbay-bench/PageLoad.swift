import Foundation

/// The patch bay of a tenant as a browser shows it: from the address to the first panel, in Chromium, nothing cached.
///
/// The script `bench/page-load.py` drives the browser; `scripts/bench.sh` installs the driver and names its Python.
struct PageLoad {
    let site: ManySite

    /// Loads the page so many times; milliseconds of each.
    func run(_ count: Int) throws -> [Double] {
        guard let python = ProcessInfo.processInfo.environment["PATCHBAY_BROWSER_PYTHON"] else {
            throw BenchError("PATCHBAY_BROWSER_PYTHON is not set: measure with 'make bench'")
        }
        // The password stands in a file, for an argument list is everybody's to read.
        let file = "\(Platform.directory)/page-load.json"
        let who = [
            "url": "\(site.location.controller)/console/", "tenant": ManySite.tenant,
            "name": "\(ManyPerson.name)@\(ManySite.tenant)", "password": ManyPerson.password,
        ]
        guard
            FileManager.default.createFile(
                atPath: file, contents: try JSONEncoder().encode(who), attributes: [.posixPermissions: 0o600])
        else { throw BenchError("\(file) cannot be written") }
        defer { try? FileManager.default.removeItem(atPath: file) }
        let said = try Command.run([python, "bench/page-load.py", file, String(count)], seconds: 120)
        let samples = said.split(separator: "\n").compactMap { Double($0) }
        guard samples.count == count else { throw BenchError("page-load.py said: \(said.prefix(200))") }
        return samples
    }
}
