// What the messages of one stock are decorated with, and the words for its statuses.

import MarketData
import OrderBooks

/// A stock of an ITCH file.
struct ITCHListing {
  var symbol: SymbolID
  /// The tape of consolidated trades: A New York, B regional exchanges, C NASDAQ.
  var tape: CodeID
  /// Shares of a round lot; a trade of fewer is an odd lot.
  var roundLot: UInt32
}

/// The codes that every stock of a file shares.
struct ITCHCodes {
  let exchange: CodeID
  let regular: CodeID
  let oddLot: CodeID
  let opening: CodeID
  let closing: CodeID
  let reopening: CodeID
  let quote: CodeID
  let cancelled: CodeID
  private let tapes: (CodeID, CodeID, CodeID)

  init(_ context: FeedContext, exchange: StaticString) {
    self.exchange = context.code(exchange)
    regular = context.code("[\"@\"]")
    oddLot = context.code("[\"@\",\"I\"]")
    // The sale conditions of the consolidated tape of NASDAQ's stocks.
    opening = context.code("[\"@\",\"O\"]")
    closing = context.code("[\"@\",\"6\"]")
    reopening = context.code("[\"@\",\"5\"]")
    quote = context.code("[\"R\"]")
    cancelled = context.code("C")
    tapes = (context.code("A"), context.code("B"), context.code("C"))
  }

  /// By the market category of the directory.
  func tape(_ marketCategory: UInt8) -> CodeID {
    switch marketCategory {
    case UInt8(ascii: "N"): tapes.0
    case UInt8(ascii: "A"), UInt8(ascii: "P"), UInt8(ascii: "Z"), UInt8(ascii: "V"): tapes.1
    default: tapes.2
    }
  }

  func cross(_ type: UInt8) -> CodeID {
    switch type {
    case UInt8(ascii: "O"): opening
    case UInt8(ascii: "C"): closing
    case UInt8(ascii: "H"), UInt8(ascii: "I"): reopening
    default: regular
    }
  }

  static func words(forState state: UInt8) -> StaticString {
    switch state {
    case UInt8(ascii: "H"): "Trading Halt"
    case UInt8(ascii: "P"): "Trading Pause"
    case UInt8(ascii: "Q"): "Quotation Only"
    case UInt8(ascii: "T"): "Trading"
    default: ""
    }
  }

  /// NASDAQ's list of trade halt codes, those that stand on most days.
  static func words(forReason reason: String) -> StaticString {
    switch reason {
    case "T1": "News Pending"
    case "T2": "News Released"
    case "T3": "News and Resumption Times"
    case "T5": "Single Stock Trading Pause in Effect"
    case "T6": "Extraordinary Market Activity"
    case "T8": "Exchange-Traded Fund"
    case "T12": "Additional Information Requested"
    case "H4": "Non-compliance"
    case "H9": "Filings Not Current"
    case "H10": "SEC Trading Suspension"
    case "H11": "Regulatory Concern"
    case "O1": "Operations Halt"
    case "IPO1", "IPOQ": "IPO Issue not yet Trading"
    case "LUDP": "Volatility Trading Pause"
    case "LUDS": "Volatility Trading Pause, Straddle Condition"
    case "M1": "Corporate Action"
    case "M2": "Quotation Not Available"
    case "MWC1": "Market Wide Circuit Breaker, Level 1"
    case "MWC2": "Market Wide Circuit Breaker, Level 2"
    case "MWC3": "Market Wide Circuit Breaker, Level 3"
    case "R4": "Qualifications Issues Resolved"
    case "R9": "Filing Requirements Satisfied"
    default: ""
    }
  }
}

extension FeedContext {
  func code(_ text: StaticString) -> CodeID {
    code(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}
