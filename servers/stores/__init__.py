from servers.stores.base import StoreKind

STORES: dict[str, StoreKind] = {
    "memory": StoreKind("servers.stores.memory:MemoryStore", "a dictionary in this server; no other server sees it"),
    "redis": StoreKind("servers.stores.redis:RedisStore", "Redis or Valkey, by URL; shared by all servers"),
    "sqlite": StoreKind("servers.stores.sqlite:SqliteStore", "a file; shared by the servers of one machine"),
    "postgres": StoreKind("servers.stores.postgres:PostgresStore", "PostgreSQL, by URL; shared by all servers"),
}
