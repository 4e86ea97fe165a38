BALANCERS = {
    "ours": "scenarios.cluster.balancers.ours:OurBalancer",
    "nginx": "scenarios.cluster.balancers.nginx:nginx",
    "haproxy": "scenarios.cluster.balancers.haproxy:haproxy",
    "traefik": "scenarios.cluster.balancers.traefik:traefik",
}
"""What can stand in front of the servers, and who makes it of (folder, children, settings). The module is imported when
it is needed: the table costs nothing."""
