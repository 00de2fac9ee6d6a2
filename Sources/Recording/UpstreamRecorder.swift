// Records a live upstream: each message as it came, numbers and unknown kinds included.
import EventLoops
import Feeds
import MarketData
package import Upstream
import WebTransport

package final class UpstreamRecorder: UpstreamLinkDelegate {
  private let link: UpstreamLink
  private let session: RecordingSession
  package var onUp: (() -> Void)?
  package var onDown: ((_ reason: String, _ retryMilliseconds: UInt64) -> Void)?
  package var onNote: ((String) -> Void)?

  package init(link: UpstreamLink, session: RecordingSession) {
    self.link = link
    self.session = session
    link.delegate = self
  }

  package func start() { link.start() }
  package func close(_ completion: @escaping () -> Void) { link.close(completion) }

  package func upstreamIsLive(_ link: UpstreamLink) {
    session.isLive = true
    onUp?()
  }

  package func upstreamMessage(_ link: UpstreamLink, _ json: UnsafeRawBufferPointer) {
    session.record(json)
  }

  /// Written down too: who reads the tape can see that something is missing.
  package func upstreamGap(_ link: UpstreamLink, symbol: String) {
    var line = ByteWriter(capacity: 64)
    line.append("{\"T\":\"gap\",\"S\":")
    line.appendJSONString(symbol)
    line.append(",\"c\":\"trades\",\"missed\":null}")
    line.withUnsafeBytes { session.record($0) }
  }

  package func upstreamDown(_ link: UpstreamLink, _ down: UpstreamDown) {
    session.isLive = false
    if down.wasServing {
      let silence = Int64(clamping: down.silenceMilliseconds) * 1_000_000
      session.markStale(since: Timestamp(nanoseconds: EventLoop.wallNanoseconds - silence))
    }
    onDown?(down.reason, down.retryMilliseconds)
  }

  package func upstreamNote(_ link: UpstreamLink, _ text: String) { onNote?(text) }
}
