public import APITypes

// The operations of the API, one method each, in the order of the routes.

extension APIClient {
    /// Asks whether the controller is there.
    public func health() async throws(APIClientError) -> Health { try await get(Path("v1", "health")) }

    // MARK: Tenants

    /// Every tenant.
    public func tenants(limit: Int? = nil) async throws(APIClientError) -> [Tenant] {
        try await all(Path("v1", "tenants"), limit: limit)
    }

    /// One tenant.
    public func tenant(_ name: String) async throws(APIClientError) -> Tenant {
        try await get(Path("v1", "tenants", name))
    }

    /// Makes a tenant.
    public func create(_ tenant: NewTenant) async throws(APIClientError) -> Tenant {
        try await post(Path("v1", "tenants"), tenant)
    }

    /// Deletes a tenant that has no endpoints.
    public func deleteTenant(_ name: String) async throws(APIClientError) {
        try await delete(Path("v1", "tenants", name))
    }

    // MARK: Vnets

    /// Every vnet of a tenant.
    public func vnets(of tenant: String, limit: Int? = nil) async throws(APIClientError) -> [VNet] {
        try await all(Path("v1", "tenants", tenant, "vnets"), limit: limit)
    }

    /// One vnet.
    public func vnet(_ name: String, of tenant: String) async throws(APIClientError) -> VNet {
        try await get(Path("v1", "tenants", tenant, "vnets", name))
    }

    /// Makes a vnet.
    public func create(_ vnet: NewVNet, of tenant: String) async throws(APIClientError) -> VNet {
        try await post(Path("v1", "tenants", tenant, "vnets"), vnet)
    }

    /// Deletes a vnet that has no endpoints.
    public func deleteVNet(_ name: String, of tenant: String) async throws(APIClientError) {
        try await delete(Path("v1", "tenants", tenant, "vnets", name))
    }

    // MARK: Groups

    /// Every group of a tenant.
    public func groups(of tenant: String, limit: Int? = nil) async throws(APIClientError) -> [Group] {
        try await all(Path("v1", "tenants", tenant, "groups"), limit: limit)
    }

    /// One group.
    public func group(_ name: String, of tenant: String) async throws(APIClientError) -> Group {
        try await get(Path("v1", "tenants", tenant, "groups", name))
    }

    /// Makes a group.
    public func create(_ group: NewGroup, of tenant: String) async throws(APIClientError) -> Group {
        try await post(Path("v1", "tenants", tenant, "groups"), group)
    }

    /// Deletes a group that has no members and that no policy names.
    public func deleteGroup(_ name: String, of tenant: String) async throws(APIClientError) {
        try await delete(Path("v1", "tenants", tenant, "groups", name))
    }

    /// Puts an endpoint into a group; its certificate is issued anew.
    public func add(endpoint: String, toGroup group: String, of tenant: String) async throws(APIClientError) {
        try await put(Path("v1", "tenants", tenant, "groups", group, "members", endpoint))
    }

    /// Takes an endpoint out of a group; its certificate is issued anew.
    public func remove(endpoint: String, fromGroup group: String, of tenant: String) async throws(APIClientError) {
        try await delete(Path("v1", "tenants", tenant, "groups", group, "members", endpoint))
    }

    // MARK: Endpoints

    /// Every endpoint of a tenant.
    public func endpoints(of tenant: String, limit: Int? = nil) async throws(APIClientError) -> [Endpoint] {
        try await all(Path("v1", "tenants", tenant, "endpoints"), limit: limit)
    }

    /// How many endpoints a tenant has, by `group`, `host` or `vnet`.
    public func summary(of tenant: String, by part: String) async throws(APIClientError) -> EndpointSummary {
        try await get(Path("v1", "tenants", tenant, "summary", query: ["by": part]))
    }

    /// One endpoint.
    public func endpoint(_ name: String, of tenant: String) async throws(APIClientError) -> Endpoint {
        try await get(Path("v1", "tenants", tenant, "endpoints", name))
    }

    /// Makes an endpoint; its leaf opens the port.
    public func create(_ endpoint: NewEndpoint, of tenant: String) async throws(APIClientError) -> Endpoint {
        try await post(Path("v1", "tenants", tenant, "endpoints"), endpoint)
    }

    /// Deletes an endpoint; its wires are cut at both ends and its identity is never given again.
    public func deleteEndpoint(_ name: String, of tenant: String) async throws(APIClientError) {
        try await delete(Path("v1", "tenants", tenant, "endpoints", name))
    }

    /// Moves an endpoint to another host.
    public func move(
        endpoint: String, of tenant: String, to host: String
    ) async throws(APIClientError) -> Endpoint {
        try await post(Path("v1", "tenants", tenant, "endpoints", endpoint, "move"), MoveEndpoint(host: host))
    }

    /// Changes the labels of an endpoint; its certificate is issued anew.
    public func change(
        _ labels: ChangeLabels, ofEndpoint endpoint: String, of tenant: String
    ) async throws(APIClientError) -> Endpoint {
        try await post(Path("v1", "tenants", tenant, "endpoints", endpoint, "labels"), labels)
    }

    /// Changes the security level of an endpoint; its certificate is issued anew.
    public func change(
        _ level: ChangeLevel, ofEndpoint endpoint: String, of tenant: String
    ) async throws(APIClientError) -> Endpoint {
        try await post(Path("v1", "tenants", tenant, "endpoints", endpoint, "level"), level)
    }

    /// Changes for which prefixes outside an endpoint speaks; its certificate is issued anew.
    public func change(
        _ networks: ChangeNetworks, ofEndpoint endpoint: String, of tenant: String
    ) async throws(APIClientError) -> Endpoint {
        try await post(Path("v1", "tenants", tenant, "endpoints", endpoint, "networks"), networks)
    }

    /// The certificate that an endpoint has now.
    public func certificate(
        ofEndpoint endpoint: String, of tenant: String
    ) async throws(APIClientError) -> EndpointCertificate {
        try await get(Path("v1", "tenants", tenant, "endpoints", endpoint, "certificate"))
    }

    // MARK: Policies

    /// The entries of a tenant's policy.
    public func policyEntries(of tenant: String, limit: Int? = nil) async throws(APIClientError) -> [PolicyEntry] {
        try await all(Path("v1", "tenants", tenant, "policy", "entries"), limit: limit)
    }

    /// The policy of a tenant.
    public func policy(of tenant: String) async throws(APIClientError) -> TenantPolicy {
        try await get(Path("v1", "tenants", tenant, "policy"))
    }

    /// Adds an entry to a policy.
    public func create(_ entry: NewPolicyEntry, of tenant: String) async throws(APIClientError) -> PolicyEntry {
        try await post(Path("v1", "tenants", tenant, "policy", "entries"), entry)
    }

    /// Removes an entry from a policy.
    public func deletePolicyEntry(_ id: UInt64, of tenant: String) async throws(APIClientError) {
        try await delete(Path("v1", "tenants", tenant, "policy", "entries", String(id)))
    }

    /// Has a pair plugged.
    public func plug(_ pair: PlugPair, of tenant: String) async throws(APIClientError) -> PairVerdict {
        try await post(Path("v1", "tenants", tenant, "plug"), pair)
    }

    /// Has a pair unplugged in both directions; live wires are cut.
    public func unplug(_ pair: UnplugPair, of tenant: String) async throws(APIClientError) -> PairVerdict {
        try await post(Path("v1", "tenants", tenant, "unplug"), pair)
    }

    /// Explains a pair, or a flow between its ends to one port, such as `tcp/22`.
    public func explain(
        from: String, to: String, port: String? = nil, of tenant: String
    ) async throws(APIClientError) -> Explanation {
        try await get(Path("v1", "tenants", tenant, "explain", query: ["from": from, "to": to, "port": port]))
    }

    /// Sends a packet from one endpoint to another and tells where it got.
    public func trace(_ pair: TracePair, of tenant: String) async throws(APIClientError) -> Trace {
        try await post(Path("v1", "tenants", tenant, "trace"), pair)
    }

    /// The wires that the leaves report now, of one tenant or of all.
    public func wires(of tenant: String? = nil) async throws(APIClientError) -> WireList {
        guard let tenant else { return try await get(Path("v1", "wires")) }
        return try await get(Path("v1", "wires", query: ["tenant": tenant]))
    }

    // MARK: Hosts

    /// Every host.
    public func hosts(limit: Int? = nil) async throws(APIClientError) -> [Host] {
        try await all(Path("v1", "hosts"), limit: limit)
    }

    /// One host.
    public func host(_ name: String) async throws(APIClientError) -> Host {
        try await get(Path("v1", "hosts", name))
    }

    /// Makes a host; the token in the answer is for its leaf, and is shown once.
    public func create(_ host: NewHost) async throws(APIClientError) -> HostInvitation {
        try await post(Path("v1", "hosts"), host)
    }

    /// Makes a new token for a host's leaf, in place of any former one.
    public func renewToken(ofHost name: String) async throws(APIClientError) -> HostInvitation {
        try await post(Path("v1", "hosts", name, "token"))
    }

    /// Deletes a host that runs no endpoints; its leaf's certificate is revoked.
    public func deleteHost(_ name: String) async throws(APIClientError) {
        try await delete(Path("v1", "hosts", name))
    }
}
