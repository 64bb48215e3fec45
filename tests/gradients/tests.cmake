target_sources(test_gradients_ops PRIVATE gradients/network.c)
