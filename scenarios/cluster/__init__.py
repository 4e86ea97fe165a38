from scenarios.cluster.base import ClusterKind

CLUSTERS: dict[str, ClusterKind] = {
    "processes": ClusterKind("scenarios.cluster.processes:ProcessCluster.start", "processes of this machine"),
    "docker": ClusterKind(
        "scenarios.cluster.docker:start", "a container each, on a Docker Engine", "scenarios.cluster.docker:prepare"
    ),
}
