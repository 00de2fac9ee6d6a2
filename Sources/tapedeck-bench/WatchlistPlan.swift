// Who asks what when, in the time of the load (which runs faster than ours), and what an ideal cache
// would make of exactly that. Pure; the same seed gives the same plan.
import Feeds

struct WatchlistPlan {
  enum Request: UInt8 {
    case read, write
  }

  struct User {
    /// Seconds before the first poll.
    var offset: Double
    /// Presents a session's token instead of the key: every second one.
    var hasSession: Bool
    /// One a poll.
    var requests: [Request]
  }

  let pollSeconds: Double
  var users: [User] = []
  private(set) var writes = 0

  /// - Parameter arrivalSeconds: over which the users begin, evenly; all at once would measure how a
  ///   server takes a thousand new connections, not how its cache serves them.
  init(
    users count: Int, minutes: Double, pollSeconds: Double, arrivalSeconds: Double, oneWriteIn: Int,
    seed: UInt64
  ) {
    self.pollSeconds = pollSeconds
    var random = SeededGenerator(seed: seed)
    let polls = Int(minutes * 60 / pollSeconds)
    for index in 0..<count {
      let offset = Double.random(in: 0..<max(arrivalSeconds, pollSeconds), using: &random)
      var requests: [Request] = []
      for _ in 0..<polls {
        let isWrite = Int.random(in: 0..<oneWriteIn, using: &random) == 0
        if isWrite { writes += 1 }
        requests.append(isWrite ? .write : .read)
      }
      users.append(User(offset: offset, hasSession: index % 2 == 1, requests: requests))
    }
  }

  struct Step {
    /// Seconds of the load's time.
    var time: Double
    var user: Int
    /// Which of the user's requests.
    var place: Int
  }

  /// Every request of every user in the order of their times.
  func schedule() -> [Step] {
    users.enumerated().flatMap { index, user in
      user.requests.indices.map {
        Step(time: user.offset + Double($0) * pollSeconds, user: index, place: $0)
      }
    }.sorted { $0.time < $1.time }
  }

  struct Bound {
    var reads = 0
    var hits = 0
    var rate: Double { reads == 0 ? 0 : Double(hits) / Double(reads) }

    /// Reads at these times, a value that lives `ttl` seconds from the read that missed it, and is
    /// gone after a write.
    mutating func replay(_ requests: [Request], every seconds: Double, ttl: Double, readsOnly: Bool)
    {
      var end = -1.0
      for (place, request) in requests.enumerated() {
        let now = Double(place) * seconds
        if readsOnly, request == .write {
          end = -1
          continue
        }
        reads += 1
        // `<=`: at the very end of its life it may still be there. So it is an upper bound.
        if now <= end {
          hits += 1
        } else {
          end = now + ttl
        }
      }
    }
  }

  /// Of the lists: each read of one user, lost by that user's writes.
  func watchlistBound(ttlSeconds: Double) -> Bound {
    var bound = Bound()
    for user in users {
      bound.replay(user.requests, every: pollSeconds, ttl: ttlSeconds, readsOnly: true)
    }
    return bound
  }

  /// Of the keys: each request of a user without a session; with one, its opening alone.
  func keyBound(ttlSeconds: Double) -> Bound {
    var bound = Bound()
    for user in users {
      if user.hasSession {
        bound.reads += 1
      } else {
        bound.replay(user.requests, every: pollSeconds, ttl: ttlSeconds, readsOnly: false)
      }
    }
    return bound
  }

  /// Of the sessions: written through when they are opened, prolonged by each use. One more use ends it.
  func sessionBound() -> Bound {
    let reads = users.reduce(0) { $0 + ($1.hasSession ? $1.requests.count + 1 : 0) }
    return Bound(reads: reads, hits: reads)
  }
}
