import CUV
import Glibc

/// A child process whose end is reported on the loop's thread.
///
/// The kernel's parent-death signal is tied to the thread that spawns, so a child that must not
/// outlive this process is spawned from a loop whose thread lives as long as the process.
public final class LoopProcess {
  /// How a child ended: its exit status, or the signal that ended it when that is not 0.
  public struct Exit: Hashable, Sendable {
    public let status: Int64
    public let signal: Int32
  }

  private let loop: EventLoop
  private let handle = LoopHandle<uv_process_t>()
  private let target: HandleTarget<Exit>
  private var closed = false
  public private(set) var isRunning = true

  /// Starts `executable` (looked up in PATH) with `arguments` (without the program's name). The child
  /// reads /dev/null; both its outputs go to the descriptor `output`, by default this process's
  /// standard error. `environment` nil means this process's own, as `NAME=value`.
  public init(
    loop: EventLoop, executable: String, arguments: [String], environment: [String]? = nil,
    output: Int32 = 2, _ exited: @escaping (Exit) -> Void
  ) throws(EventLoopError) {
    loop.preconditionInLoop()
    self.loop = loop
    target = HandleTarget(exited)
    var argv = ([executable] + arguments).map { strdup($0) } + [nil]
    var envp = (environment ?? []).map { strdup($0) } + [nil]
    defer { for text in argv + envp { free(text) } }
    var stdio = [uv_stdio_container_t](repeating: uv_stdio_container_t(), count: 3)
    stdio[0].flags = UV_IGNORE
    for index in 1...2 {
      stdio[index].flags = UV_INHERIT_FD
      stdio[index].data.fd = output
    }
    let code = stdio.withUnsafeMutableBufferPointer { stdio in
      argv.withUnsafeMutableBufferPointer { argv in
        envp.withUnsafeMutableBufferPointer { envp in
          var options = uv_process_options_t()
          options.file = UnsafePointer(argv[0])
          options.args = argv.baseAddress
          options.env = environment == nil ? nil : envp.baseAddress
          options.stdio_count = 3
          options.stdio = stdio.baseAddress
          options.exit_cb = { raw, status, signal in
            let target = LoopHandle<uv_process_t>.target(
              raw!.pointee.data, as: HandleTarget<Exit>.self)
            target.call?(Exit(status: status, signal: signal))
          }
          return uv_spawn(loop.uv, handle.raw, &options)
        }
      }
    }
    handle.attach(target)
    guard code == 0 else {
      isRunning = false
      close()  // libuv: a handle whose spawn failed must be closed too
      throw EventLoopError(operation: "uv_spawn \(executable)", code: code)
    }
    let wrapped = target.call
    target.call = { [weak self] exit in
      self?.isRunning = false
      wrapped?(exit)
    }
  }

  deinit { close() }

  public var processID: Int32 { uv_process_get_pid(handle.raw) }

  /// Sends a signal; nothing happens when the child has ended already.
  public func send(signal: Int32) {
    loop.preconditionInLoop()
    guard isRunning, !closed else { return }
    uv_process_kill(handle.raw, signal)
  }

  /// Stops watching; the child itself goes on. More than once is allowed.
  public func close() {
    guard !closed else { return }
    loop.preconditionInLoop()
    closed = true
    target.call = nil
    handle.close()
  }
}
