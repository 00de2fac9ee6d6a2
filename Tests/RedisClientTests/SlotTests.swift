import RedisClient
import Testing

@Suite struct SlotTests {
  /// Source: the Redis Cluster specification ("123456789" gives CRC 0x31C3) and `CLUSTER KEYSLOT`.
  @Test(arguments: [
    ("123456789", 0x31C3 % 16_384), ("foo", 12_182), ("", 0), ("{user1000}.following", 3_443),
    ("{user1000}.followers", 3_443), ("user1000", 3_443),
  ])
  func slotIsTheOneOfRedis(key: String, slot: Int) {
    #expect(RedisSlot.hashSlot(Array(key.utf8).span.bytes) == UInt16(slot))
  }
}
