import ArgumentParser

TapedeckBench.main()
