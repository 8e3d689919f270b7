"""The CSI driver's wire protocol, generated from protos/ by `make proto`; never edited."""
