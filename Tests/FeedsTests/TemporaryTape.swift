import Feeds
import Glibc
import MarketData

/// A file in a directory of its own, removed with the last reference.
final class TemporaryTape {
  let path: String
  private let directory: String

  init(_ bytes: [UInt8] = [], name: String = "tape.ndjson") {
    var template = Array("/tmp/feeds-test-XXXXXX".utf8CString)
    directory = template.withUnsafeMutableBufferPointer {
      String(cString: mkdtemp($0.baseAddress!))
    }
    path = directory + "/" + name
    write(bytes)
  }

  convenience init(_ text: String) { self.init(Array(text.utf8)) }

  deinit {
    unlink(path)
    rmdir(directory)
  }

  func write(_ bytes: [UInt8]) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    precondition(descriptor >= 0)
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress! + offset, bytes.count - offset)
      }
      precondition(count > 0)
      offset += count
    }
    close(descriptor)
  }

  var bytes: [UInt8] { TemporaryTape.read(path) }

  static func read(_ path: String) -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    precondition(descriptor >= 0, path)
    defer { close(descriptor) }
    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      precondition(count >= 0)
      if count == 0 { return result }
      result += chunk[..<count]
    }
  }
}

/// A context that keeps what was reported.
final class Reports {
  private(set) var problems: [FeedProblem] = []
  /// What the context takes for the time; a second on each reading unless set still.
  var nowNanoseconds: UInt64 = 0
  var tick: UInt64 = 1_000_000_000

  func context() -> FeedContext {
    FeedContext(
      nowNanoseconds: {
        self.nowNanoseconds += self.tick
        return self.nowNanoseconds
      },
      report: { self.problems.append($0) })
  }
}

extension FeedSource {
  /// Everything up to the end, or the first `limit` items.
  func all(limit: Int = .max) throws(FeedsError) -> [FeedItem] {
    var items: [FeedItem] = []
    while items.count < limit, let item = try next() { items.append(item) }
    return items
  }
}

extension FeedItem {
  /// For comparing: `FeedEvent` holds inline arrays and is not equatable.
  var text: String { "\(position) \(time.nanoseconds) \(event.text)" }
}

extension FeedEvent {
  var text: String {
    switch self {
    case .trade(let trade): "\(trade)"
    case .quote(let quote): "\(quote)"
    case .bar(let bar, let kind): "\(kind) \(bar)"
    case .status(let status): "\(status)"
    case .cancel(let cancel): "\(cancel)"
    case .correction(let correction): "\(correction)"
    case .stale(let symbol, let since): "stale \(symbol) \(since)"
    case .depth(let depth):
      "depth \(depth.symbol) \(depth.timestamp) "
        + (0..<depth.bidCount).map { "\(depth.bids[$0])" }.joined() + "|"
        + (0..<depth.askCount).map { "\(depth.asks[$0])" }.joined()
    }
  }
}
