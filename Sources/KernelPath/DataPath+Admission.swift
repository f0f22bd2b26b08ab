internal import CLibbpf
internal import Glibc

extension DataPath {
    /// Asks the program of the ports what it would do with a frame that a port's endpoint has sent, and lets it do all
    /// but send: a flow that begins with the frame is noted, and what comes back of it passes.
    ///
    /// For frames that were held until their wire was plugged: the caller sends them itself.
    ///
    /// - Returns: whether the frame may be sent.
    public func admits(_ frame: [UInt8], from port: UInt32) -> Bool {
        // The kernel takes frames of a page at most here; a longer one is rare among first packets, and sent again.
        guard frame.count <= 3_500 else { return false }
        var context = unsafe __sk_buff()
        unsafe context.ifindex = port
        var options = unsafe bpf_test_run_opts()
        let result = unsafe frame.withUnsafeBytes { bytes in
            unsafe withUnsafeMutablePointer(to: &context) { context in
                unsafe options.sz = MemoryLayout<bpf_test_run_opts>.size
                unsafe options.data_in = bytes.baseAddress
                unsafe options.data_size_in = UInt32(bytes.count)
                unsafe options.ctx_in = UnsafeRawPointer(context)
                unsafe options.ctx_size_in = UInt32(MemoryLayout<__sk_buff>.size)
                unsafe options.repeat = 1
                return unsafe bpf_prog_test_run_opts(portProgram.descriptor, &options)
            }
        }
        // TC_ACT_REDIRECT: into the wire. Everything else is a drop.
        return unsafe result == 0 && options.retval == 7
    }
}
