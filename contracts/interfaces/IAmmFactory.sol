// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Registry and maker of pairs: one for every two tokens
interface IAmmFactory {
    /// @notice A pair came into being; `count` pairs exist now.
    event PairCreated(address indexed token0, address indexed token1, address pair, uint256 count);

    /// @notice A token cannot be traded against itself.
    error IdenticalTokens(address token);
    /// @notice There is no code at this address.
    error NotAToken(address token);
    /// @notice The two tokens have a pair already.
    error PairExists(address token0, address token1, address pair);
    /// @notice There are only `count` pairs.
    error PairIndexOutOfBounds(uint256 index, uint256 count);

    /// @notice Creates the market of two tokens, given in either order. Anybody may.
    /// @return pair Address of the new pair.
    function createPair(address tokenA, address tokenB) external returns (address pair);

    /// @notice The pair of two tokens, given in either order; zero when there is none.
    function pairOf(address tokenA, address tokenB) external view returns (address);

    /// @notice Number of pairs.
    function pairCount() external view returns (uint256);

    /// @notice A pair by order of creation, from 0.
    function pairAt(uint256 index) external view returns (address);
}
