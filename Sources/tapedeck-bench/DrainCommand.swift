import ArgumentParser
import Glibc

/// Many clients and a gateway that stops.
struct DrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain",
    abstract: "Connect clients, let their gateway stop, and tell how they find the next one.")

  @Option var port: UInt16 = 8_080
  @Option var path = "/v2/iex"
  @Option var clients = 10_000
  @Option(help: "The one symbol of every client.") var symbol = "AAPL"
  @Flag(help: "Clients do not know the goodbye: they come back after their close.")
  var unaware = false
  @Option(help: "The gateway to send a SIGTERM once all are connected.") var terminate: Int32?
  @Option(help: "Seconds between connected and the signal.") var pause = 2.0
  @Option(help: "Give up after so many seconds.") var seconds = 120.0

  func run() throws {
    var run = DrainRun(
      DrainRun.Plan(
        port: port, path: path, clients: clients, symbol: symbol, unaware: unaware,
        pauseSeconds: pause, secondsMax: seconds))
    try run.connectAll()
    print("connected           \(clients) clients")
    fflush(nil)
    let process = terminate
    let report = try run.watch { if let process { kill(process, SIGTERM) } }
    func rounded(_ seconds: Double) -> Double { (seconds * 1_000).rounded() / 1_000 }
    print("told                \(report.told), to come back within \(report.toldMaximum) ms")
    print(
      "closed with 1012    \(report.closedForRestart), otherwise ended \(report.endedOtherwise)")
    print("all back after      \(rounded(report.seconds)) s, \(report.back) of \(clients)")
    print("without a stream    p50 \(rounded(report.away50)) s, p99 \(rounded(report.away99)) s")
    print("connects            \(report.connects), failed \(report.failures) \(report.reasons)")
    print("peak                \(report.peakSecond) in a second, \(report.peakTenth) in 0.1 s")
  }
}
