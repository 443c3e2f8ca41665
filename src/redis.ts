export { type RedisLeaseStoreOptions, redisLeaseStore } from "./facade/pool/redis.ts";
export type {
  IoredisClient,
  IoredisSubscriber,
  NodeRedisClient,
  NodeRedisSubscriber,
  RedisClient,
} from "./facade/pool/redis-client.ts";
