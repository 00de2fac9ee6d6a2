import ArgumentParser
import Feeds
import MarketData

/// Many plain clients against a running gateway.
struct LoadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load",
    abstract: "Connect clients, count what they get, and charge the gateway's CPU time to it.")

  @Option var port: UInt16 = 8_080
  @Option var path = "/v2/iex"
  @Option var clients = 1_000
  @Option(help: "Symbols of each client.") var symbols = 50
  @Option(help: "The stocks of sim:stocks=N to draw from.") var simulated = 500
  @Option(help: "Channels, with commas.") var channels = "trades,quotes,orderbooks"
  @Flag(help: "MessagePack instead of JSON.") var messagepack = false
  @Option var warmup = 3.0
  @Option var seconds = 10.0
  @Option(help: "The gateway's process.") var process: Int32?
  @Option(
    help: ArgumentHelp(
      "Clients beside them that read nothing once they are subscribed.", valueName: "count"))
  var neverReading = 0
  @Option(help: "Seconds from their subscription to the measurement.") var fill = 5.0
  @Option(help: "Only its threads whose names begin so are charged.") var thread = "gateway"

  func run() throws {
    var plan = LoadRun.Plan()
    plan.port = port
    plan.path = path
    plan.clients = clients
    plan.symbolsPerClient = symbols
    plan.symbols = try LoadCommand.stocks(simulated)
    plan.channels = channels.split(separator: ",").map(String.init)
    plan.messagePack = messagepack
    plan.warmupSeconds = warmup
    plan.seconds = seconds
    plan.serverProcess = process
    plan.serverThread = thread
    plan.neverReading = neverReading
    plan.fillSeconds = fill
    var run = LoadRun(plan)
    let report = try run.run()
    let rate = Double(report.messages) / report.seconds
    print("encoding            \(messagepack ? "MessagePack" : "JSON")")
    print(
      "clients             \(clients) x \(symbols) of \(plan.symbols.count) symbols, \(channels)")
    print("messages            \(report.messages) (\(Int(rate)) a second)")
    let perFrame = Double(report.messages) / Double(max(report.frames, 1))
    print("frames              \(report.frames) (\(Double(Int(perFrame * 10)) / 10) messages each)")
    print("bytes               \(report.bytes)")
    print("age at receipt      \(report.ages)")
    print("clients ended       \(report.ended.count) \(report.ended.first ?? "")")
    if let cpu = report.serverSeconds {
      let perMillion = cpu / Double(max(report.messages, 1)) * 1e6
      print("server CPU          \(cpu) s in \(report.seconds) s")
      print("CPU per million     \(Double(Int(perMillion * 1_000)) / 1_000) s")
    }
    if let before = report.memoryBefore, neverReading > 0 { printMemory(before, report) }
  }

  /// What each client that does not read costs: the process's growth and what its socket holds.
  private func printMemory(_ before: LoadMemory.Sample, _ report: LoadRun.Report) {
    func kibibytes(_ bytes: Int) -> String {
      "\(Double(bytes * 10 / neverReading / 1_024) / 10)"
    }
    print("never reading       \(neverReading), closed and back \(report.returns) times")
    print("KiB for each of them, by seconds: process + sockets = together (most in one, orphans)")
    for sample in report.memory {
      let grown = sample.residentBytes - before.residentBytes
      let queued = sample.queuedBytes - before.queuedBytes
      print(
        "\(Int(sample.seconds - before.seconds)) s: \(kibibytes(grown)) + \(kibibytes(queued)) = "
          + "\(kibibytes(grown + queued)) (\(sample.queuedBytesMax / 1_024) KiB, "
          + "\(sample.orphans) with \(sample.orphanBytes / 1_024) KiB)")
    }
  }

  /// The names that a simulation of so many stocks has.
  private static func stocks(_ count: Int) throws -> [String] {
    var spec = SimulationSpec()
    spec.stocks = count
    spec.crypto = 0
    let symbols = try SimulatedFeed(spec, context: FeedContext()).context.symbols
    return (0..<count).map { symbols.name(of: SymbolID(index: UInt32($0))) }
  }
}
