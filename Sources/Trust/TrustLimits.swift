import NetTypes

/// The limits and lifetimes of trust, on one page; each is derived from what stands above it.
public enum TrustLimits {
    // MARK: Lifetimes, in seconds

    /// How long a platform's root lives: ten years.
    public static let rootLifetime: Int64 = 10 * 365 * day
    /// How long a tenant's CA lives: one year.
    public static let tenantLifetime: Int64 = 365 * day
    /// How long certificates of leaves and controllers live.
    public static let leafLifetime: Int64 = day
    /// How long certificates of endpoints and policy keys live. Revocation need not be remembered longer than this.
    public static let endpointLifetime: Int64 = 12 * 3_600
    /// How long a location record lives when its maker says nothing else.
    public static let recordLifetime: Int64 = 3_600
    /// The longest that a record may still have to live; a longer one is refused, whoever signed it.
    public static let recordLongest: Int64 = day
    /// The longest that certificates of leaves, endpoints and policy keys can be made to live: thirty days.
    public static let certificateLongest: Int64 = 30 * day
    /// The longest that the certificate of a person can be made to live: ninety days.
    public static let userLongest: Int64 = 90 * day
    /// How far a certificate is dated back, so that a host whose clock is behind accepts it at once.
    public static let backdating: Int64 = 300

    private static let day: Int64 = 86_400

    // MARK: Sizes, in bytes; checked before anything is parsed

    /// The longest certificate: 64 groups of 63 letters are 4,160 bytes, 64 labels of two such words 8,256, the rest of a
    /// certificate under 1,500.
    public static let certificateBytes = 16_384
    /// The longest location record; a real one has about 160 bytes.
    public static let recordBytes = 512
    /// The longest signing request.
    public static let requestBytes = 4_096
    /// The longest ECDSA P-256 signature in DER: two integers of 33 octets with their headers.
    public static let signatureBytes = 72
    /// The longest policy, and the longest guardrails: 4 MiB of entries and a document of 8 MiB with a line feed between.
    public static let policyBytes = 12 << 20 + 1
    /// The longest statement about a policy's lock: a hash of 64 digits, a number of 20 and a name of 63.
    public static let lockBytes = 256
    /// The longest statement about who is suspended: 60,000 tenants with the longest names.
    public static let suspensionBytes = 4 << 20
    /// The longest join token as text: 71 octets and a URL of 255.
    public static let tokenBytes = 512
    /// The longest file that a key store reads.
    public static let keyFileBytes = 4_096

    // MARK: Counts

    /// The most groups that one endpoint may be certified for.
    public static let groups = 64
    /// The most labels that one endpoint may be certified for.
    public static let labels = 64
    /// The most prefixes outside that one endpoint may be certified for.
    public static let networks = 64
    /// The most statements about the lock of one policy.
    public static let lockStatements = 32
    /// The longest serial number (RFC 5280, section 4.1.2.2).
    public static let serialBytes = 20
    /// How many tenant CAs an anchor remembers as verified.
    public static let cachedIssuers = 1_024
    /// How many certificates and signed facts, of each, an anchor remembers as verified.
    public static let cachedCertificates = 16_384

    /// The last moment that X.509 can name, the end of the year 9999.
    static let lastSecond: Int64 = 253_402_300_799
}
