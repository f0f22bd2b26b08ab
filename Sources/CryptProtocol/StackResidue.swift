/// What calls that have returned left on the calling thread's stack.
public enum StackResidue {
    /// Overwrites the 64 KiB below the caller's frame: the compiler may have put copies of a message there.
    @inline(never)
    public static func overwrite() {
        var words = InlineArray<8_192, UInt64>(repeating: 0)
        see(&words)
    }

    /// Somebody who may read them, for all that the compiler knows, so that they are written.
    @inline(never) @_optimize(none)
    private static func see(_ words: inout InlineArray<8_192, UInt64>) {}
}
