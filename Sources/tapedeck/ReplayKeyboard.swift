// The keys of a replay, where `tapedeck up` has a terminal, and a line that says where the play is.
import EventLoops
import Feeds
import Glibc
import Ingest
import Logging
import MarketData
import ServiceSupport

/// `@unchecked Sendable`: touched on the main loop's thread only.
final class ReplayKeyboard: @unchecked Sendable {
  static let help = "space pause, . step, +/- speed, left/right 10 s, l loop, r restart"
  /// Of one read: nobody types more in a turn; what is pasted beyond is read in the next.
  private static let bytesMax = 64

  private let host: ProcessHost
  private let ingest: IngestService
  private var input: LoopPoll?
  private var continued: LoopSignal?
  private var timer: LoopTimer?
  /// Whether keys are ours: not in the background.
  private var isListening = false
  private var emptyReads = 0
  private var isAsking = false
  private var note: String?

  /// Nil where nobody sits at a terminal.
  static func start(on host: ProcessHost, _ ingest: IngestService) throws -> ReplayKeyboard? {
    guard RawTerminal.isThere else { return nil }
    let keyboard = ReplayKeyboard(host, ingest)
    host.onStop("keyboard") { keyboard.close() }
    return keyboard
  }

  private init(_ host: ProcessHost, _ ingest: IngestService) {
    self.host = host
    self.ingest = ingest
  }

  /// Keys are taken from now on.
  func begin() {
    guard RawTerminal.enter() else { return }
    do {
      let poll = try LoopPoll(loop: host.loop, fd: STDIN_FILENO) { [unowned self] _ in read() }
      input = poll
      continued = try LoopSignal(loop: host.loop, signal: SIGCONT) { [unowned self] in
        // Whatever the shell made of the terminal meanwhile.
        isListening = false
        listen()
      }
    } catch {
      host.logger.warning("no keys: \(error)")
      return RawTerminal.leave()
    }
    listen()
    host.logger.info("keys: \(ReplayKeyboard.help)")
    let timer = LoopTimer(loop: host.loop) { [unowned self] in
      listen()
      if isListening { ask(nil) }
    }
    timer.start(afterMilliseconds: 500, repeatingMilliseconds: 500)
    self.timer = timer
  }

  /// Leaves an empty line for what comes next.
  func clear() { TerminalLine.clear() }

  private func close() {
    guard input != nil else { return }
    input?.close()
    input = nil
    continued?.close()
    timer?.close()
    timer = nil
    TerminalLine.clear()
    RawTerminal.leave()
  }

  // MARK: - Keys

  /// In the foreground again, or still.
  private func listen() {
    guard let input, !isListening, RawTerminal.enter() else { return }
    isListening = true
    input.watch(.readable)
  }

  private func read() {
    guard RawTerminal.isThere else {
      isListening = false
      input?.watch([])
      return
    }
    var bytes = [UInt8](repeating: 0, count: ReplayKeyboard.bytesMax)
    let count = Glibc.read(STDIN_FILENO, &bytes, bytes.count)
    guard count > 0 else {
      // Without a byte again and again: the terminal is gone, and the process goes on without it.
      emptyReads += 1
      return emptyReads > 3 ? close() : ()
    }
    emptyReads = 0
    for command in ReplayKeys.commands(bytes[..<count]) {
      switch command {
      case .replay(let command): ask(command)
      case .turnLoop: turnLoop()
      }
    }
  }

  private func turnLoop() {
    Task.immediate(executorPreference: host.loop) {
      guard let status = await self.ingest.replayStatus(), self.input != nil else { return }
      self.ask(.loop(!status.loops))
    }
  }

  // MARK: - The line

  private func ask(_ command: ReplayCommand?) {
    // The line can wait; a command cannot.
    guard command != nil || !isAsking else { return }
    isAsking = true
    Task.immediate(executorPreference: host.loop) {
      await self.carryOut(command)
    }
  }

  private func carryOut(_ command: ReplayCommand?) async {
    var status: ReplayStatus?
    if let command {
      do throws(ReplayRefusal) {
        status = try await ingest.replay(command)
        note = nil
      } catch {
        note = error.words
        status = await ingest.replayStatus()
      }
    } else {
      status = await ingest.replayStatus()
    }
    isAsking = false
    // Closed meanwhile: the terminal is not ours any more.
    guard input != nil, isListening, let status else { return }
    TerminalLine.showUnder(ReplayKeys.line(status, note: note))
  }
}

/// What keys mean, and what the line says.
enum ReplayKeys {
  enum Command: Hashable {
    case replay(ReplayCommand)
    case turnLoop
  }

  /// Keys that mean nothing are passed over; an arrow is ESC [ and a letter, or ESC O and a letter.
  static func commands(_ bytes: ArraySlice<UInt8>) -> [Command] {
    var commands: [Command] = []
    var rest = bytes
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: " "): commands.append(.replay(.toggle))
      case UInt8(ascii: "."): commands.append(.replay(.step))
      case UInt8(ascii: "+"), UInt8(ascii: "="): commands.append(.replay(.faster))
      case UInt8(ascii: "-"): commands.append(.replay(.slower))
      case UInt8(ascii: "l"): commands.append(.turnLoop)
      case UInt8(ascii: "r"): commands.append(.replay(.restart))
      case 0x1B:
        guard let bracket = rest.first, bracket == UInt8(ascii: "[") || bracket == UInt8(ascii: "O")
        else { continue }
        rest.removeFirst()
        // Up to its last byte: other keys are longer.
        while let byte = rest.popFirst() {
          guard 0x40...0x7E ~= byte else { continue }
          if byte == UInt8(ascii: "C") { commands.append(.replay(.seekBy(nanoseconds: leap))) }
          if byte == UInt8(ascii: "D") { commands.append(.replay(.seekBy(nanoseconds: -leap))) }
          break
        }
      default: continue
      }
    }
    return commands
  }

  private static let leap: Int64 = 10_000_000_000

  /// At most 79 columns, so that it stays one line.
  static func line(_ status: ReplayStatus, note: String?) -> String {
    var time = "-"
    if let moment = status.time {
      var writer = ByteWriter(capacity: 32)
      writer.append(Timestamp(nanoseconds: moment.nanoseconds / 1_000_000 * 1_000_000))
      time = writer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
    let loops = status.loops ? " loop" : ""
    var line =
      "[\(status.state.rawValue)] \(time) x\(status.speed)\(loops) #\(status.sequence.number)"
    if let note { line += "  \(note)" }
    return String(line.prefix(79))
  }
}

extension ReplayRefusal {
  /// For a person.
  var words: String {
    switch self {
    case .malformed(let words), .unprocessable(let words), .unreadable(let words): words
    }
  }
}
