/// A real web server inside an endpoint, which says where it is. It ends with the lab.
enum WebServer {
    /// Starts nginx with a configuration of its own, unless it runs there already.
    static func start(in endpoint: String) async throws(LabError) {
        let name = "nginx \(endpoint)"
        if let state = LabState.read(), state.processes.contains(where: { $0.name == name && $0.isRunning }) { return }
        let namespace = LabLayout.prefix + endpoint.replacing("/", with: "-")
        let directory = "\(LabLayout.directory)/web-\(namespace)"
        try Files.makeDirectory(directory)
        try Files.write(configuration(endpoint, directory), to: "\(directory)/nginx.conf")
        let process = try Lab.startService(
            name, ["nginx", "-p", directory, "-c", "\(directory)/nginx.conf", "-e", "stderr", "-g", "daemon off;"],
            in: .namespace(namespace))
        for _ in 0..<100 {
            guard process.isRunning else { throw process.failure("ended at once") }
            let answer = try await Command.run(
                ["curl", "-s", "-m", "1", "http://127.0.0.1/"], in: .namespace(namespace))
            if answer.code == 0 { return }
            await pauseEvenIfCancelled(milliseconds: 30)
        }
        throw process.failure("does not answer on its own loopback address")
    }

    private static func configuration(_ endpoint: String, _ directory: String) -> String {
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "    \($0)_temp_path \(directory)/\($0);" }.joined(separator: "\n")
        return """
            user root;
            worker_processes 1;
            pid \(directory)/nginx.pid;
            error_log stderr;
            events { worker_connections 128; }
            http {
            \(temporary)
                access_log off;
                default_type text/plain;
                server {
                    listen 80;
                    listen [::]:80;
                    location / { return 200 "This is \(endpoint).\\n"; }
                }
            }

            """
    }
}
