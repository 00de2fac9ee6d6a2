import ArgumentParser
import Logging
import ServiceSupport

extension ParsableCommand {
  /// Starts logging and runs the process until a signal or an error ends it. What `start` throws is
  /// one line on standard error and a status of its own.
  func runProcess(
    _ name: String, _ logs: LogOptions,
    _ start: sending @escaping (ProcessHost, OptionSource) async throws -> Void
  ) throws {
    let source = OptionSource()
    let logger: Logger
    do {
      logger = try logs.logger("tapedeck", source)
    } catch {
      throw ValidationError("\(error)")
    }
    let status = ProcessHost.run(name: name, logger: logger) { host in
      try await start(host, source)
    }
    try finish(status)
  }

  /// The same for what needs no loop.
  func runOnce(_ name: String, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch {
      LogOutput.standardError.write("\(name): \(error)")
      try finish((error as? any ExitCodeError)?.exitCode ?? ServiceSupport.ExitCode.failure)
    }
  }
}
