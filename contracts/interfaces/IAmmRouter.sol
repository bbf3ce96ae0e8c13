// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What traders and providers of liquidity call
/// @notice Every function that moves tokens takes a deadline and limits; when a limit would be broken nothing happens.
/// Tokens must be approved for the router first. Tokens that take a fee on transfer are not supported: limits hold
/// for what is paid and computed, so such a trade reverts.
interface IAmmRouter {
    /// @notice The transaction came too late.
    error Expired(uint256 deadline, uint256 timestamp);
    /// @notice There is no market of these tokens.
    error NoSuchPair(address tokenA, address tokenB);
    /// @notice A path has at least two tokens and at most `max`.
    error InvalidPathLength(uint256 length, uint256 max);
    /// @notice The price moved: this much of `token` is below the caller's limit.
    error AmountBelowMinimum(address token, uint256 amount, uint256 minimum);
    /// @notice The price moved: this much of `token` is above the caller's limit.
    error AmountAboveMaximum(address token, uint256 amount, uint256 maximum);
    /// @notice An amount of zero cannot be priced.
    error ZeroAmount();
    /// @notice The reserves cannot give this amount.
    error InsufficientReserves(uint256 amount, uint256 reserveIn, uint256 reserveOut);

    /// @notice The registry of pairs that this router uses.
    function factory() external view returns (address);

    /// @notice Adds liquidity at the current price, creating the pair when there is none.
    /// @param amountADesired Most of `tokenA` to add; likewise `amountBDesired`.
    /// @param amountAMin Least of `tokenA` to add; likewise `amountBMin`.
    /// @param to Receiver of the shares.
    /// @param deadline Last timestamp, in seconds, at which this may happen.
    /// @return amountA Amount added of the first token.
    /// @return amountB Amount added of the second token.
    /// @return shares Shares created.
    function addLiquidity(
        address tokenA,
        address tokenB,
        uint256 amountADesired,
        uint256 amountBDesired,
        uint256 amountAMin,
        uint256 amountBMin,
        address to,
        uint256 deadline
    ) external returns (uint256 amountA, uint256 amountB, uint256 shares);

    /// @notice Gives up shares for their part of both reserves.
    /// @param amountAMin Least of `tokenA` to receive; likewise `amountBMin`.
    /// @return amountA Amount received of the first token.
    /// @return amountB Amount received of the second token.
    function removeLiquidity(
        address tokenA,
        address tokenB,
        uint256 shares,
        uint256 amountAMin,
        uint256 amountBMin,
        address to,
        uint256 deadline
    ) external returns (uint256 amountA, uint256 amountB);

    /// @notice Trades exactly `amountIn` of the path's first token for at least `amountOutMin` of its last.
    /// @return amounts Amount of each token along the path.
    function swapExactTokensForTokens(
        uint256 amountIn,
        uint256 amountOutMin,
        address[] calldata path,
        address to,
        uint256 deadline
    ) external returns (uint256[] memory amounts);

    /// @notice Trades at most `amountInMax` of the path's first token for exactly `amountOut` of its last.
    /// @return amounts Amount of each token along the path.
    function swapTokensForExactTokens(
        uint256 amountOut,
        uint256 amountInMax,
        address[] calldata path,
        address to,
        uint256 deadline
    ) external returns (uint256[] memory amounts);

    /// @notice Amounts along the path for `amountIn` of its first token, at current reserves.
    function amountsOut(uint256 amountIn, address[] calldata path) external view returns (uint256[] memory amounts);

    /// @notice Amounts along the path for `amountOut` of its last token, at current reserves.
    function amountsIn(uint256 amountOut, address[] calldata path) external view returns (uint256[] memory amounts);
}
