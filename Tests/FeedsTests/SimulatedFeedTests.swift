import Feeds
import MarketData
import Testing
