import EventLoops

/// Answers that come one by one, as many of them as came in time. Loop's thread only.
final class Gathering<Answer> {
  private var taken: [Answer?]
  private var awaited: Int
  private var isOver = false
  private var continuation: CheckedContinuation<Void, Never>?

  /// Asks for `count` answers by `ask`, which is to hand each of them to `take`, and waits for them. Nil
  /// stands for an answer that did not come, or came as nil.
  static func answers(
    _ count: Int, on loop: EventLoop, withinMilliseconds milliseconds: UInt64,
    _ ask: (Gathering) -> Void
  ) async -> [Answer?] {
    let gathering = Gathering(count: count)
    let timer = LoopTimer(loop: loop) { gathering.end() }
    timer.start(afterMilliseconds: milliseconds)
    defer { timer.close() }
    ask(gathering)
    return await gathering.answers()
  }

  private init(count: Int) {
    taken = Array(repeating: nil, count: count)
    awaited = count
  }

  func take(_ index: Int, _ answer: Answer?) {
    guard !isOver else { return }
    taken[index] = answer
    awaited -= 1
    if awaited == 0 { end() }
  }

  private func end() {
    isOver = true
    continuation?.resume()
    continuation = nil
  }

  private func answers() async -> [Answer?] {
    if !isOver { await withCheckedContinuation { continuation = $0 } }
    return taken
  }
}
