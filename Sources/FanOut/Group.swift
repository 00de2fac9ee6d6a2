// A wildcard group: the topics that `"*"` means on one channel of one path. A client that holds the
// wildcard has one cursor, a position in the group's order of messages, instead of one per topic.
//
// State groups keep their topics in a list ordered by the position of their newest message: what a
// cursor has not seen is exactly the list's end from that position on. Joining is a cursor of 0, a
// slow client simply finds its topics further back; nothing can fall off.
//
// Event groups keep a bounded log of their entries. A cursor that fell off it is told the number it
// missed, which the weights give as in a topic. An entry that its topic's ring has already forgotten
// is missed as well.

struct Group: BitwiseCopyable {
  var isEvents: Bool
  /// The channel, and `*` for its symbol.
  var label: TopicLabel
  var variants: UInt8
  var isTouched = false
  var isUrgent = false
  var subscribers = SubscriberList()
  /// Positions given so far: the newest message has position `head` (counted from 1).
  var head: UInt64 = 0
  /// State: topics with a value, the one longest unchanged first.
  var first = noIndex
  var last = noIndex
  /// Events: the log holds positions head - count + 1 ... head; position p is at (p - 1) & mask.
  var weight: UInt32 = 0
  var logExtent = noIndex
  var logClass: UInt8 = 0
  var logCount: UInt32 = 0
  /// Position of the newest unknown gap that left the log; 0 if there was none.
  var evictedUnknown: UInt64 = 0

  /// The oldest position that the log still has (head + 1 when it is empty).
  var oldest: UInt64 { head - UInt64(logCount) + 1 }
}

struct LogEntry: BitwiseCopyable {
  /// Topic in the low 30 bits (`removedTopic`: it is gone); bit 31: a gap of unknown size.
  private var topicAndFlag: UInt32
  /// The entry's number in its topic, modulo 2^32.
  var sequence: UInt32
  /// The topic's weight before the entry.
  var topicWeight: UInt32
  /// The group's weight before the entry.
  var groupWeight: UInt32

  static var removedTopic: UInt32 { 0x3fff_ffff }

  init(topic: UInt32, isUnknown: Bool, sequence: UInt32, topicWeight: UInt32, groupWeight: UInt32) {
    topicAndFlag = topic | (isUnknown ? 0x8000_0000 : 0)
    self.sequence = sequence
    self.topicWeight = topicWeight
    self.groupWeight = groupWeight
  }

  var topic: UInt32 { topicAndFlag & 0x3fff_ffff }
  var isUnknown: Bool { topicAndFlag & 0x8000_0000 != 0 }

  mutating func forgetTopic() {
    topicAndFlag = topicAndFlag & 0x8000_0000 | Self.removedTopic
  }
}
