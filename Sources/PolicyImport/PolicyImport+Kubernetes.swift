import NetTypes
import PolicyLanguage

extension PolicyImport {
    /// Imports NetworkPolicies (networking.k8s.io/v1), AdminNetworkPolicies and the BaselineAdminNetworkPolicy
    /// (policy.networking.k8s.io/v1alpha1) from YAML: streams of documents and lists of objects. Other objects are
    /// passed over, and named in the report.
    ///
    /// What the policies say together is carried over exactly, for TCP, UDP, SCTP and ICMP; docs/policy-import.md says
    /// how, and what the report is about.
    ///
    /// - Throws: ``ImportError`` with the first thing that is wrong or too large; then nothing is imported.
    public static func kubernetes(
        _ sources: [ImportSource], options: KubernetesOptions
    ) throws(ImportError) -> PolicyImport {
        try options.check()
        try ImportSource.checkSize(sources)
        var policies = KubernetesPolicies()
        var notes: [ImportNote] = []
        var seen = Set<String>()
        for source in sources {
            var reader = KubernetesObjects(KubernetesReader(options, source: source.name), seen: seen)
            for value in try YAMLStream.read(source) { try reader.object(value, into: &policies) }
            notes += reader.reader.notes
            seen = reader.seen
        }
        policies.admin.sort { ($0.priority, $0.name) < ($1.priority, $1.name) }
        for (a, b) in zip(policies.admin, policies.admin.dropFirst()) where a.priority == b.priority {
            notes.append(
                ImportNote(
                    .note, b.source, b.place,
                    "'\(a.name)' and '\(b.name)' have the priority \(b.priority), and Kubernetes does not say which "
                        + "decides first; here they decide in the order of their names",
                    remedy: "give them different priorities"))
        }
        let reader = KubernetesReader(options, source: "")
        var algebra = reader.algebra
        var assembly = DocumentAssembly(head: [
            "Imported from Kubernetes policies: \(sources.map(\.name).joined(separator: ", ")).",
            "A pod is an endpoint; its namespace is the label '\(options.namespaceKey)', and the labels of its",
            "namespace begin with '\(options.namespaceLabelPrefix)'.",
        ])
        _ = assembly.define(
            .init(name: "pods", selection: reader.pods, comment: "Every pod has a namespace.", isShared: true))
        var layers: [Layer] = []
        for direction in [KubernetesPolicies.Direction.egress, .ingress] {
            var isolated = policies.isolated(direction, algebra: algebra)
            if isolated != .none {
                let group = assembly.define(
                    .init(
                        name: "isolated-\(direction.word)", selection: isolated,
                        comment: "The pods that NetworkPolicies isolate for \(direction.word)."))
                algebra.define(group, as: isolated)
                isolated = group
            }
            layers.append(policies.layer(direction, pods: reader.pods, isolated: isolated, algebra: algebra))
        }
        let stages = try LayerProduct.stages(egress: layers[0], ingress: layers[1], algebra: algebra)
        let tiers = try assembly.add(stages)
        notes.append(
            ImportNote(
                .note, "", .unknown,
                "protocols other than TCP, UDP, SCTP and ICMP, and fragments without ports, pass only between pods that "
                    + "may begin everything to each other; Kubernetes leaves them to the network plugin",
                remedy: "nothing, if no pod needs them"))
        return try assembly.finish(tenant: options.tenant, tiers: tiers, report: notes)
    }
}

/// Takes Kubernetes objects apart, and lists of them.
private struct KubernetesObjects {
    var reader: KubernetesReader
    /// The kind, namespace and name of the policies so far.
    var seen: Set<String>

    init(_ reader: KubernetesReader, seen: Set<String>) {
        self.reader = reader
        self.seen = seen
    }

    mutating func object(_ value: Value, into policies: inout KubernetesPolicies, depth: Int = 0) throws(ImportError) {
        let fields = reader.fields
        if FieldReader.isNull(value) { return }
        let found = try fields.fields(value, "a Kubernetes object")
        let version = try fields.text(
            try fields.required(found, "apiVersion", "a Kubernetes object", value), "a version such as v1")
        let kindValue = try fields.required(found, "kind", "a Kubernetes object", value)
        let kind = try fields.text(kindValue, "a kind")
        let isOurs = ["NetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy"].contains(kind)
        if kind == "List" || kind.hasSuffix("NetworkPolicyList") {
            guard depth == 0 else {
                throw fields.error(.limit, value, "a list of objects stands in another", "write one list")
            }
            for item in try fields.list(found["items"], "objects") {
                try object(item, into: &policies, depth: depth + 1)
            }
            return
        }
        let expected = kind == "NetworkPolicy" ? "networking.k8s.io/v1" : "policy.networking.k8s.io/v1alpha1"
        guard isOurs, version == expected else {
            let isPolicy = kind.contains("Polic")
            reader.note(
                isPolicy ? .opens : .note, kindValue,
                "the object \(kind) of \(version) is passed over"
                    + (isPolicy ? "; what it forbids, the document does not" : ""),
                isPolicy ? "import networking.k8s.io/v1 and policy.networking.k8s.io/v1alpha1" : "nothing")
            return
        }
        _ = try fields.fields(value, "a \(kind)", known: ["apiVersion", "kind", "metadata", "spec", "status"])
        let metadataValue = try fields.required(found, "metadata", "a \(kind)", value)
        let metadata = try fields.fields(metadataValue, "the metadata")
        let nameValue = try fields.required(metadata, "name", "the metadata", metadataValue)
        let name = try fields.text(nameValue, "a name")
        let spec = try fields.required(found, "spec", "a \(kind)", value)
        var namespace = ""
        if kind == "NetworkPolicy" {
            if let value = metadata["namespace"] {
                namespace = try fields.text(value, "a namespace")
            } else {
                namespace = "default"
                reader.note(
                    .note, nameValue, "the policy '\(name.prefix(80))' names no namespace; it is taken to be 'default'",
                    "add metadata.namespace")
            }
        }
        guard seen.insert("\(kind)/\(namespace)/\(name)").inserted else {
            throw fields.error(
                .duplicateName, nameValue, "the \(kind) '\(name.prefix(80))' stands here twice", "keep one of the two")
        }
        switch kind {
        case "NetworkPolicy":
            policies.policies.append(
                try reader.networkPolicy(spec, namespace: namespace, name: name, at: metadataValue))
        case "AdminNetworkPolicy":
            policies.admin.append(try reader.adminPolicy(spec, name: name, isBaseline: false, at: nameValue))
        default:
            guard policies.baseline == nil else {
                throw fields.error(
                    .duplicateName, nameValue, "there are two BaselineAdminNetworkPolicies, and a cluster has one",
                    "keep one of the two")
            }
            policies.baseline = try reader.adminPolicy(spec, name: name, isBaseline: true, at: nameValue)
        }
    }
}
